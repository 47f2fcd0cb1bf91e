/// The polite words around what is said, which a summary can do without.
enum Courtesies {
    static let cues: [CueList] = [
        CueList(
            .greeting,
            1,
            """
            hi, hello, hey, good morning, good afternoon, good evening, greetings, thanks, thank you, hallo,
            guten tag, guten morgen, moin, servus, bonjour, salut, bonsoir, coucou, hola, buenas, buenos días, olá,
            oi, bom dia, boa tarde, ciao, buongiorno, salve, hoi, goedendag, cześć, dzień dobry, hej, merhaba, selam,
            привет, здравствуйте, добрый день, привіт, вітаю, مرحبا, السلام عليكم, سلام, שלום, नमस्ते, 你好, 您好, こんにちは,
            안녕, γεια, xin chào
            """
        ),
        CueList(
            .opening,
            1,
            """
            sure, certainly, of course, absolutely, great question, good question, here is, here's, here are, yes,
            okay, i'd be happy, i can help, i'm happy, as an ai, natürlich, gerne, klar, sicher, hier ist, hier sind,
            bien sûr, voici, certainement, claro, por supuesto, aquí tienes, con gusto, com certeza, aqui está, certo,
            ecco, natuurlijk, zeker, oczywiście, oto, tabii, elbette, işte, конечно, вот, звичайно, ось, بالتأكيد,
            بالطبع, حتما, 当然, 好的, 以下是, もちろん, はい, 물론, 네
            """
        ),
        // Sentences that lean on the one before.
        CueList(
            .leaning,
            1,
            """
            this, it, it's, that, these, those, they, also, however, additionally, moreover, furthermore, therefore,
            thus, but, and, so, then, otherwise, for example, for instance, in this example, in this case, remember,
            note, dies, dieses, außerdem, jedoch, daher, cela, cette, cependant, toutefois, de plus, donc,
            por lo tanto, sin embargo, además, esto, isso, no entanto, além disso, portanto, questo, tuttavia,
            inoltre, dit, echter, daarnaast, to, jednak, ponadto, bu, ancak, ayrıca, это, однако, также, кроме того,
            це, однак, також, هذا, هذه, ومع ذلك, این, 这, 此外, 但是, 因此, これ, また, しかし, 이것, 그러나, 또한
            """
        ),
        CueList(
            .closing,
            1,
            """
            i hope this, sorry to hear, hope this helps, hope that helps, let me know if, let me know how, feel free,
            if you have any, is there anything else, don't hesitate, please note, keep in mind, good luck,
            have a great, you're welcome, please let me know, ich hoffe, viel erfolg, lass mich wissen, falls du,
            n'hésitez pas, n'hésite pas, j'espère que, espero que, no dudes, si tienes, spero che, fammi sapere,
            laat het me weten, daj znać, mam nadzieję, umarım, надеюсь, если у вас, сподіваюся, 希望这, 如果你, お役に立, 도움이 되
            """
        ),
    ]
}
