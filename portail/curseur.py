"""The cursor of the portal's connections to PostgreSQL (settings.DATABASES)."""

from psycopg import ClientCursor, Cursor

PARAMETRES_MAX = 60_000  # of one statement: the protocol counts them on two bytes (65 535)


class Curseur(Cursor):
    """Parameters are bound by the server, so that statements which come back are prepared. More of them than the protocol
    carries (a season of days closed at once) are written in the statement.
    """

    def execute(self, query, params=None, **options):
        if params is not None and len(params) > PARAMETRES_MAX:
            query, params = ClientCursor(self.connection).mogrify(query, params), None
        return super().execute(query, params, **options)
