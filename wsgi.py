"""The web application, and the door of `flask --app wsgi …`."""

from app import cli, create_app

app = create_app()
cli.init_app(app)
