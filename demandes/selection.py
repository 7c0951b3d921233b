"""The boxes a parent ticked, found again in the database: whose they are, what they are worth now."""

from dataclasses import dataclass, field

from demandes.forms import Case
from enfants import places_chargement
from enfants.models import Reservation
from enfants.models.reservation import VIVANTS
from enfants.places import Souhait
from facturation.cloture import jours_clos
from familles.models import Famille


class Etrangere(LookupError):
    """A box of an inscription that is not this family's, or of a child it no longer holds."""


@dataclass(frozen=True)
class Conflit:
    """A day that changed since the page was shown; `etat` is what it is now (empty: free)."""

    souhait: Souhait
    etat: str


@dataclass
class Choix:
    """What can go on, and what changed meanwhile. `reservations`: the live booking of each asked day, if any."""

    cases: list[Case] = field(default_factory=list)
    souhaits: list[Souhait] = field(default_factory=list)
    reservations: list[Reservation | None] = field(default_factory=list)
    conflits: list[Conflit] = field(default_factory=list)
    clos: list[tuple[Souhait, str]] = field(default_factory=list)  # already invoiced, with the sentence


def retrouver(famille: Famille, cases: list[Case], enfants: list) -> Choix:
    """Three queries. Raises Etrangere when one inscription is not this family's, for one of its present children."""
    siens = {enfant.pk for enfant in enfants}
    lues = places_chargement.inscriptions({c.inscription for c in cases}, famille)
    inscriptions = {pk: i for pk, i in lues.items() if i.enfant_id in siens}
    if {c.inscription for c in cases} - inscriptions.keys():
        raise Etrangere
    presentes: dict[tuple, Reservation] = {}
    for r in places_chargement.reservations_sur(inscriptions, (c.jour for c in cases)):
        cle = (r.inscription_id, r.jour)
        # The live row, else the latest: what the planning shows of this inscription.
        if cle not in presentes or presentes[cle].etat not in VIVANTS:
            presentes[cle] = r
    choix = Choix()
    clos = jours_clos((inscriptions[c.inscription].prestation_id, c.jour) for c in cases)
    for case in cases:
        inscription = inscriptions[case.inscription]
        souhait = Souhait(inscription, case.jour)
        if phrase := clos.get((inscription.prestation_id, case.jour)):
            choix.clos.append((souhait, phrase))
            continue
        ligne = presentes.get((case.inscription, case.jour))
        vivante = ligne if ligne is not None and ligne.etat in VIVANTS else None
        attendues = {vivante.version} if vivante else {0, ligne.version} if ligne else {0}
        if case.version not in attendues:
            choix.conflits.append(Conflit(souhait, ligne.etat if ligne else ""))
            continue
        choix.cases.append(case)
        choix.souhaits.append(souhait)
        choix.reservations.append(vivante)
    return choix
