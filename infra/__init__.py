"""Infrastructure: launchers of the embedded services, database migrations, deployment files."""
