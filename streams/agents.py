"""One Faust agent a fold: it waits for batches and gives them to the runner, one after the other."""

from faust.types import AppT, StreamT, TopicT

from streams.batch import Batch
from streams.exits import Exits
from streams.runner import Runner


def add_agent(app: AppT, topic: TopicT, runner: Runner, exits: Exits) -> None:
    """Add the agent of the runner's fold to the app.

    An exception must never reach Faust, which would acknowledge the batch and go on with the next: it ends the process.
    """

    @app.agent(topic, name=runner.work.kind.name)
    async def fold(batches: StreamT[Batch]) -> None:
        async for batch in batches:
            try:
                await runner.take(batch)
            except Exception as error:  # noqa: BLE001  see above; a cancelled task is not an Exception
                exits.die_of(f"{batch.topic}-{batch.partition}@{batch.first_offset}", error)
