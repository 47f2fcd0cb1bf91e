import TestSupport
import Testing

@testable import Granary

@Suite(.inTurn) struct CoveringTests {
    @Test(arguments: ["key", "key\u{301}", "key\u{200D}", "akeyb", "key key"])
    func nothingOfASecretIsLeftWhateverFollowsIt(text: String) {
        let covered = covering("key", in: text, with: "*")
        #expect(Array(covered.utf8).firstRange(of: Array("key".utf8)) == nil)
        #expect(covered.utf8.contains(UInt8(ascii: "*")))
    }

    @Test func aTextWithoutTheSecretStaysAsItIs() {
        #expect(covering("key", in: "ke\u{301}y", with: "*") == "ke\u{301}y")
        #expect(covering("", in: "text", with: "*") == "text")
    }
}
