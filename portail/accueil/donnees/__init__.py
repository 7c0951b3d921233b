"""« Mes données »: which rows are a household's, how they are written, when the copy is made and deleted."""
