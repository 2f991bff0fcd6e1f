"""`render webhooks`: addresses that are told of jobs, and how telling them went."""

from typing import Annotated, cast

import typer

from render_client.cli_options import Status, parse_pairs
from render_client.cli_output import Output
from render_client.cli_session import Labels, Machine, speaking
from render_client.messages import StatusName

webhooks = typer.Typer(name="webhooks", help="Have addresses told of jobs.", no_args_is_help=True)

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The webhook's id.", show_default=False)]


@webhooks.command()
def create(
    context: typer.Context,
    *,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where deliveries are sent.", show_default=False)],
    status: Annotated[
        list[Status] | None, typer.Option(help="Only these; may be given again. Left out: the three ends.")
    ] = None,
    label: Labels = None,
    machine: Machine = False,
) -> None:
    """Have an address told of the workspace's jobs from now on."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        statuses = [cast("StatusName", each.value.upper()) for each in status or ()]
        output.webhooks([client.create_webhook(url, statuses=statuses, labels=parse_pairs(label, "--label"))])


@webhooks.command("list")
def list_webhooks(context: typer.Context, *, machine: Machine = False) -> None:
    """List the workspace's webhooks, oldest first."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        output.webhooks(client.list_webhooks())


@webhooks.command()
def delete(context: typer.Context, *, webhook_id: WebhookId, machine: Machine = False) -> None:
    """Remove a webhook with its deliveries."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        client.delete_webhook(webhook_id)
        output.deleted("webhook_id", webhook_id)


@webhooks.command()
def secret(context: typer.Context, *, machine: Machine = False) -> None:
    """Print what the receiver checks signatures with; keep it to yourself."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        for each in client.webhook_secret():
            if machine:
                output.value({"secret": each})
            else:
                print(each)


@webhooks.command()
def deliveries(
    context: typer.Context,
    *,
    webhook_id: Annotated[str | None, typer.Option("--webhook", help="Only to this webhook.")] = None,
    job_id: Annotated[str | None, typer.Option("--job", help="Only of this job.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    machine: Machine = False,
) -> None:
    """List deliveries, newest first, and how each went."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        found = client.list_webhook_deliveries(webhook_id=webhook_id, job_id=job_id)
        output.deliveries(delivery for _, delivery in zip(range(limit), found, strict=False))


@webhooks.command()
def redeliver(
    context: typer.Context,
    *,
    delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id.", show_default=False)],
    machine: Machine = False,
) -> None:
    """Send a delivery again, whatever became of it."""
    output = Output(machine)
    with speaking(output, context.obj), context.obj.client() as client:
        output.deliveries([client.redeliver_webhook(delivery_id)])
