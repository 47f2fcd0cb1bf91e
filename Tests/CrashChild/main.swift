import Glibc

// The processes that tests start beside their own: writers, some of them to be killed, readers, and one that measures.
exit(ChildRole.run(Array(CommandLine.arguments.dropFirst())))
