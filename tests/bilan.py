"""The summary at the end of script/test: `python -m tests.bilan DIRECTORY NUMBER_OF_PYTEST_ARGUMENTS`.

The directory holds `phases` (« code seconds name », one line a phase) and, for each phase that is a database, pytest's
junit file. Everything unexpected counts as a failure: no file, an exit code without a failed test, a skip, no test.
"""

import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

BASES = ("SQLite", "PostgreSQL")
AUCUN_TEST = 5  # pytest's exit code when its arguments select nothing


@dataclass
class Compte:
    """Tests of one kind on one database; `secondes` is what they spent, in all processes together."""

    reussis: int = 0
    echoues: int = 0
    secondes: float = 0.0
    reproches: list[str] = field(default_factory=list)

    def reprocher(self, phrase: str) -> None:
        self.echoues += 1
        self.reproches.append(phrase)


def compter(junit: Path, code: int, choisis: bool) -> tuple[Compte, Compte, Compte]:
    """All tests of one database, among them Chromium's, and those that run on SQLite alone (tests/conftest.py).

    `choisis`: the person chose which tests to run.
    """
    tous, chromium, une_fois = Compte(), Compte(), Compte()
    try:
        cas = list(ET.parse(junit).iter("testcase"))
    except (OSError, ET.ParseError):
        tous.reprocher("pytest wrote no result")
        return tous, chromium, une_fois
    for test in cas:
        nom = f"{test.get('classname')}::{test.get('name')}"
        comptes = [tous]
        for nom_du_genre, genre in (("navigateur", chromium), ("une_fois", une_fois)):
            if test.find(f"properties/property[@name='{nom_du_genre}']") is not None:
                comptes.append(genre)
        for compte in comptes:
            compte.secondes += float(test.get("time", 0))
            if test.find("skipped") is not None:
                compte.reprocher(f"skipped: {nom}")
            elif test.find("failure") is not None or test.find("error") is not None:
                compte.reprocher(nom)
            else:
                compte.reussis += 1
    if code not in (0, AUCUN_TEST) and not tous.echoues:
        tous.reprocher(f"pytest ended with code {code}")
    if not choisis:
        for compte, quoi in ((tous, "no test ran"), (chromium, "no browser test ran")):
            if not compte.reussis + compte.echoues:
                compte.reprocher(quoi)
                if compte is chromium:
                    tous.echoues += 1
    return tous, chromium, une_fois


def ligne(nom: str, compte: Compte, secondes: float) -> None:
    print(f"  {nom:<26} {compte.reussis:>5} passed, {compte.echoues} failed {secondes:>6.0f} s")


def bilan(dossier: Path, choisis: bool) -> int:
    """Prints the summary; 0 when everything passed."""
    controles, bases = Compte(), {}
    for entree in (dossier / "phases").read_text().splitlines():
        code, secondes, nom = entree.split(" ", 2)
        if nom in BASES:
            bases[nom] = (*compter(dossier / f"{nom}.xml", int(code), choisis), int(secondes))
            continue
        controles.secondes += int(secondes)
        if int(code):
            controles.reprocher(nom)
        else:
            controles.reussis += 1

    print("\nBilan")
    ligne("Contrôles", controles, controles.secondes)
    for nom, (tous, chromium, une_fois, secondes) in bases.items():
        ligne(nom, tous, secondes)
        ligne(f"  dont Chromium sur {nom}", chromium, chromium.secondes)
        if une_fois.reussis + une_fois.echoues:
            ligne(f"  dont {nom} seulement", une_fois, une_fois.secondes)
    comptes = [controles, *(tous for tous, *_ in bases.values())]
    reproches = [("Contrôles", phrase) for phrase in controles.reproches]
    for nom, (tous, chromium, *_) in bases.items():
        reproches += [(nom, phrase) for phrase in dict.fromkeys(tous.reproches + chromium.reproches)]
    for nom, phrase in reproches:
        print(f"  ÉCHEC {nom} : {phrase}")

    reussis, echoues = sum(c.reussis for c in comptes), sum(c.echoues for c in comptes)
    if set(bases) != set(BASES) or not sum(tous.reussis for tous, *_ in bases.values()):
        print("  ÉCHEC : aucun test n’a réussi, ou une base manque.")
        echoues += 1
    print(f"\n{reussis} passed, {echoues} failed")
    return 1 if echoues else 0


if __name__ == "__main__":
    sys.exit(bilan(Path(sys.argv[1]), sys.argv[2] != "0"))
