"""A later start asks the database itself whether there is anything to migrate."""

import re

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory

from ops import postgres
from ops.paths import ROOT
from ops.system import is_migrated
from ops.testenv import temporary_home


def test_a_database_is_migrated_when_it_stands_at_the_newest_revision():
    head = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini"))).get_current_head()
    with temporary_home() as home:
        url = postgres.start(home, durable=False)
        assert not is_migrated(url), "an empty database"
        with psycopg.connect(re.sub(r"\+psycopg", "", url), autocommit=True) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num varchar(32))")
            assert not is_migrated(url), "a migration that was cut off"
            connection.execute("INSERT INTO alembic_version VALUES ('0001')")
            assert not is_migrated(url), "an older one"
            connection.execute("UPDATE alembic_version SET version_num = %s", (head,))
        assert is_migrated(url)
