"""Words the demo office is made of. Domains end in ``.example`` (RFC 2606): nobody's."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MEN = _words(
    """
    Alessandro Andrea Angelo Antonio Bruno Carlo Claudio Cristian Dario Davide Diego Domenico
    Edoardo Emanuele Enrico Fabio Federico Filippo Francesco Gabriele Giacomo Giancarlo Gianluca
    Giorgio Giovanni Giulio Giuseppe Jacopo Leonardo Lorenzo Luca Luigi Marco Mario Massimo
    Matteo Mattia Maurizio Michele Nicola Paolo Pietro Raffaele Renato Riccardo Roberto
    Salvatore Sergio Silvio Simone Stefano Tommaso Umberto Valerio Vincenzo Vittorio
    """
)

WOMEN = _words(
    """
    Alessandra Alice Anna Antonella Arianna Barbara Beatrice Bianca Camilla Carla Caterina
    Chiara Cinzia Claudia Cristina Daniela Debora Elena Eleonora Elisa Emma Federica Francesca
    Gabriella Giada Ginevra Giorgia Giovanna Giulia Giuseppina Ilaria Irene Laura Letizia Lucia
    Manuela Margherita Maria Marina Marta Martina Michela Monica Nadia Noemi Paola Patrizia
    Raffaella Roberta Rosa Sabrina Sara Serena Silvia Simona Sofia Stefania Teresa Valentina
    Veronica
    """
)

SURNAMES = _words(
    """
    Rossi Ferrari Russo Bianchi Colombo Romano Ricci Marino Greco Gallo Conti Costa Mancini
    Giordano Rizzo Lombardi Moretti Barbieri Fontana Santoro Mariani Rinaldi Caruso Ferrara
    Galli Martini Leone Longo Gentile Martinelli Vitale Serra Coppola Villa Marchetti Parisi
    Ferri Bianco Marini Fabbri Grasso Valentini Messina Sala Gatti Pellegrini Palumbo Sanna
    Farina Rizzi Monti Cattaneo Morelli Amato Silvestri Mazza Testa Grassi Pellegrino Carbone
    Giuliani Benedetti Barone Rossetti Caputo Montanari Guerra Palmieri Bernardi Martino Fiore
    Ferretti Bellini Basile Riva Donati Piras Vitali Battaglia Sartori Neri Costantini Milani
    Pagano Ruggiero Sorrentino Orlando Damico Negri Brambilla Crippa Fumagalli Pozzi Corti
    Beretta Casati Meroni Locatelli Radaelli Ronchi Viganò Zanetti Tosi Cereda Maggi Invernizzi
    """
)

# City, Belfiore code (in the fiscal code), postcode, province, how many of a hundred live there.
CITIES = (
    ("Milano", "F205", "20121", "MI", 38),
    ("Milano", "F205", "20131", "MI", 8),
    ("Monza", "F704", "20900", "MB", 9),
    ("Sesto San Giovanni", "I690", "20099", "MI", 6),
    ("Cinisello Balsamo", "C707", "20092", "MI", 4),
    ("Rho", "H264", "20017", "MI", 3),
    ("Legnano", "E514", "20025", "MI", 3),
    ("Bergamo", "A794", "24121", "BG", 4),
    ("Brescia", "B157", "25121", "BS", 3),
    ("Como", "C933", "22100", "CO", 3),
    ("Varese", "L682", "21100", "VA", 3),
    ("Pavia", "G388", "27100", "PV", 3),
    ("Lodi", "E648", "26900", "LO", 2),
    ("Lecco", "E507", "23900", "LC", 2),
    ("Novara", "F952", "28100", "NO", 2),
    ("Torino", "L219", "10121", "TO", 2),
    ("Bologna", "A944", "40121", "BO", 2),
    ("Genova", "D969", "16121", "GE", 1),
    ("Verona", "L781", "37121", "VR", 1),
    ("Roma", "H501", "00184", "RM", 1),
)
BIRTH_CITIES = (
    *((name, code) for name, code, *_rest in CITIES[1:]),
    ("Napoli", "F839"),
    ("Palermo", "G273"),
    ("Bari", "A662"),
    ("Catania", "C351"),
    ("Firenze", "D612"),
    ("Cremona", "D150"),
    ("Piacenza", "G535"),
)

STREETS = (
    "Via Roma",
    "Via Garibaldi",
    "Corso Buenos Aires",
    "Via Mazzini",
    "Viale Monza",
    "Via Dante",
    "Via Manzoni",
    "Via Verdi",
    "Via Solferino",
    "Corso Garibaldi",
    "Via Brera",
    "Via Fiori Chiari",
    "Via Cavour",
    "Via Volta",
    "Viale Lombardia",
    "Via Leopardi",
    "Via Carducci",
    "Piazza della Repubblica",
    "Via San Marco",
    "Via Pascoli",
    "Via XX Settembre",
    "Via della Moscova",
    "Via Marconi",
    "Via Petrarca",
    "Via Foscolo",
    "Viale dei Mille",
    "Via Plinio",
    "Via Paolo Sarpi",
    "Via Washington",
    "Corso Sempione",
)

PROFESSIONS = (
    "Impiegato",
    "Insegnante",
    "Medico",
    "Architetto",
    "Ingegnere",
    "Avvocato",
    "Commercialista",
    "Infermiere",
    "Artigiano",
    "Commerciante",
    "Farmacista",
    "Geometra",
    "Consulente informatico",
    "Pensionato",
    "Studente",
    "Libero professionista",
    "Operaio",
    "Ristoratore",
    "Fotografo",
    "Veterinario",
    "Autista",
    "Parrucchiere",
    "Elettricista",
    "Idraulico",
    "Giornalista",
    "Dirigente",
    "Notaio",
    "Fisioterapista",
)

MAIL_DOMAINS = ("posta.example", "casella.example", "mail-milano.example", "famiglia.example")

# Company names; {s} a surname, {n} a first name.
COMPANIES = (
    "Officine {s} S.r.l.",
    "{s} & Figli S.n.c.",
    "Studio {s} Associati",
    "Farmacia {s}",
    "Trattoria da {n}",
    "Edilizia {s} S.p.A.",
    "Autotrasporti {s} S.r.l.",
    "Panificio {s}",
    "Arredamenti {s} S.r.l.",
    "Tipografia {s}",
    "Carrozzeria {s} S.n.c.",
    "{s} Impianti S.r.l.",
    "Gioielleria {s}",
    "Hotel {s} S.r.l.",
    "Immobiliare {s} S.r.l.",
    "Pasticceria {n}",
    "Ferramenta {s}",
    "{s} Informatica S.r.l.",
    "Ottica {s}",
    "Clinica Veterinaria {s}",
    "Agriturismo {n} e {s}",
    "Mobilificio {s} S.p.A.",
    "Vivai {s} S.s.",
)
SUPPLIERS = (
    "Carrozzeria Convenzionata {s}",
    "Perizie {s} S.r.l.",
    "Cancelleria {s}",
    "Studio Legale {s}",
    "Vetri Auto {s} S.r.l.",
    "Soccorso Stradale {s}",
)
POSITIONS = ("Amministrazione", "Titolare", "Ufficio acquisti", "Direzione", "Flotta aziendale")
NOTES = (
    "Preferisce essere contattato la mattina.",
    "Polizza auto e casa. Interessata a una copertura infortuni.",
    "Chiamare solo dopo le 18.",
    "Segnalato dal fratello, già cliente.",
    "Ha chiesto un preventivo per la seconda casa.",
)
