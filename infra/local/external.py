"""A broker and a database that are not ours: asked once whether they answer."""

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.local.errors import LocalError

ANSWER_SECONDS = 15


def check_kafka(bootstrap: str) -> None:
    """Return when the broker answers.

    Raises:
        LocalError: it does not.
    """
    try:
        AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=ANSWER_SECONDS)
    except KafkaException as error:
        raise LocalError(
            f"Expected a Kafka broker at {bootstrap}, was no answer within {ANSWER_SECONDS} s ({error.args[0].str()}). "
            "Correct NOVATE_KAFKA, or unset it to use the embedded broker."
        ) from error


def check_database(address: str) -> None:
    """Return when the database answers.

    Raises:
        LocalError: it does not; the text shows no password.
    """
    try:
        with psycopg.connect(address, connect_timeout=ANSWER_SECONDS):
            return
    except psycopg.Error as error:
        raise LocalError(
            f"Expected a Postgres database at NOVATE_DATABASE_URL, was refused: {str(error).strip()}. "
            "Correct it, or unset it to use the embedded database."
        ) from None
