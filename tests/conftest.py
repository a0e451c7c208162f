"""What all tests may ask for."""

from tests.postgres import any_postgres_database, clusters, database, pytest_addoption

__all__ = ["any_postgres_database", "clusters", "database", "pytest_addoption"]
