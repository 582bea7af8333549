"""Functions of the Korean search (R-CAT-2): syllables and pairs of syllables of a text.

Explicit ranges instead of character classes give the same grams in every locale.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GRAMS = """
CREATE FUNCTION public.grams(t text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(array_agg(DISTINCT g), '{}') FROM (
    SELECT substr(w, i, n) g
    FROM regexp_split_to_table(lower(normalize(t, NFC)), '[^0-9a-z가-힣一-龥]+') w,
         generate_series(1, 2) n, generate_series(1, char_length(w) - n + 1) i) z $$
"""

QUERY_GRAMS = """
CREATE FUNCTION public.query_grams(t text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(array_agg(DISTINCT g), '{}') FROM (
    SELECT CASE WHEN char_length(w) = 1 THEN w ELSE substr(w, i, 2) END g
    FROM regexp_split_to_table(lower(normalize(t, NFC)), '[^0-9a-z가-힣一-龥]+') w,
         generate_series(1, greatest(char_length(w) - 1, 1)) i WHERE w <> '') z $$
"""


def upgrade() -> None:
    op.execute(GRAMS)
    op.execute(QUERY_GRAMS)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.query_grams(text)")
    op.execute("DROP FUNCTION public.grams(text)")
