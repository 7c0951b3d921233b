"""Structured logs: one JSON object a line, never personal data."""

import json
import logging
import re
from datetime import UTC, datetime
from traceback import extract_tb

# Django logs the path of a 404 or a 500: the family's calendar, a link that opens an account.
SECRET = re.compile(
    r"(?<=/agenda/)[^/\s]+(?=\.ics)|(?<=/activation/)[^/\s]+/[^/\s]+|(?<=/mot-de-passe/reinitialiser/)[^/\s]+/[^/\s]+"
)


class Json(logging.Formatter):
    """Keeps level, logger, message and the extra keys listed in CHAMPS; a path carries no query string."""

    CHAMPS = ("status_code", "tache", "duree_ms", "nombre", "objet")

    def formatException(self, ei) -> str:
        """Kinds and places, never the text: PostgreSQL quotes the failing row, a mail server the address."""
        erreur, maillons = ei[1], []
        while erreur is not None and len(maillons) < 5:
            cadres = [f"{c.filename}:{c.lineno} {c.name}" for c in extract_tb(erreur.__traceback__)[-12:]]
            maillons.append(" < ".join([type(erreur).__name__, *reversed(cadres)]))
            erreur = erreur.__cause__ or erreur.__context__
        return " | ".join(maillons)

    def format(self, record: logging.LogRecord) -> str:
        ligne = {
            "t": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "niveau": record.levelname,
            "source": record.name,
            "message": SECRET.sub("…", record.getMessage()),
        }
        ligne |= {c: getattr(record, c) for c in self.CHAMPS if hasattr(record, c)}
        if record.exc_info:
            ligne["erreur"] = self.formatException(record.exc_info)
        return json.dumps(ligne, ensure_ascii=False, default=str)
