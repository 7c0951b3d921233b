"""Names of a town that does not exist, drawn by a seeded generator: the same people every time."""

from random import Random

PRENOMS = (
    "Adèle Agathe Alice Ambre Anaïs Apolline Arthur Aurore Axel Baptiste Basile Bérénice Camille Capucine Céleste "
    "Charlie Clément Côme Élise Éloïse Émile Emma Enzo Esteban Eva Félix Gabin Gaspard Hélène Hugo Inès Iris Jade "
    "Joseph Jules Juliette Léon Léonie Liam Lina Louis Louise Lucie Maël Malo Manon Margaux Marius Mathis Milan "
    "Nina Noé Octave Olivia Oscar Paul Pauline Rose Rosalie Sacha Salomé Simon Soline Suzanne Théo Valentin Victor "
    "Yanis Zélie"
).split()
ADULTES = (
    "Alain Amélie Antoine Aurélie Benoît Brigitte Caroline Cédric Céline Christophe Damien Delphine Élodie Émilie "
    "Estelle Fabien Fabrice Florence Franck Gaëlle Guillaume Isabelle Jérôme Julien Karine Laetitia Laurent Ludovic "
    "Magali Marc Marion Mathieu Mélanie Mickaël Nadège Nathalie Nicolas Noémie Olivier Pascal Patrick Philippe "
    "Rachel Romain Sabrina Sandrine Sébastien Sophie Stéphane Sylvie Thierry Valérie Vincent Virginie Yann"
).split()
FEMMES = frozenset(
    "Amélie Aurélie Brigitte Caroline Céline Delphine Élodie Émilie Estelle Florence Gaëlle Isabelle Karine Laetitia "
    "Magali Marion Mélanie Nadège Nathalie Noémie Rachel Sabrina Sandrine Sophie Sylvie Valérie Virginie".split()
)
FILLES = frozenset(
    "Adèle Agathe Alice Ambre Anaïs Apolline Aurore Bérénice Camille Capucine Céleste Élise Éloïse Emma Eva Hélène "
    "Inès Iris Jade Juliette Léonie Lina Louise Lucie Manon Margaux Nina Olivia Pauline Rose Rosalie Salomé Soline "
    "Suzanne Zélie".split()
)
NOMS = (
    "Abelin Arnoux Aubrac Barthier Bastidon Belmas Bonnavent Bressol Cabanel Calvière Chabrel Chastan Combal Courtiol "
    "Crozel Daumier Delorge Durbec Escoffin Estival Fabrol Faugère Fontvive Gardiol Gaudemar Giraudel Granier "
    "Imbertin Jaumet Lacombel Lagardelle Lavergnol Malbosc Manival Mazelin Merlat Montfaur Nouvel Olivain Pagnier "
    "Pelissol Peyrache Pontier Queyral Rambal Ravelin Reynol Ribaudet Roumanel Sabatol Sauvane Serpolet Tardival "
    "Teissol Thibalt Trescol Valadier Verdelin Vernol Vidalin Viguerol Ysard"
).split()
RUES = (
    "rue des Cerisiers",
    "rue du Moulin",
    "chemin des Vignes",
    "avenue de la Durance",
    "impasse du Lavoir",
    "rue de la Fontaine",
    "allée des Mûriers",
    "route du Pont-Vieux",
    "montée du Château",
    "place du Marché",
)


def telephone_mobile(hasard: Random) -> str:
    """A mobile number of the range kept for fiction."""
    return f"06 39 98 {hasard.randrange(100):02d} {hasard.randrange(100):02d}"


def telephone_fixe(hasard: Random) -> str:
    """A landline number of the range kept for fiction."""
    return f"04 65 71 {hasard.randrange(100):02d} {hasard.randrange(100):02d}"


def adresse(hasard: Random) -> str:
    return f"{hasard.randrange(1, 98)} {hasard.choice(RUES)}"
