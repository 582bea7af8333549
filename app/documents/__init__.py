"""Paper and tables: PDFs, spreadsheets, and the store that keeps files."""
