"""The commands `render webhooks …`: webhooks of the workspace, and their deliveries."""

from typing import TYPE_CHECKING, Annotated, Optional, cast

import typer

from render_client.cli.ids import find_delivery, find_job, find_webhook
from render_client.cli.options import Status, parse_pairs
from render_client.cli.session import Columns, Labels, Machine, Wide, output_for, reported_errors

if TYPE_CHECKING:
    from render_client.messages import StatusName

webhooks = typer.Typer(rich_markup_mode=None, name="webhooks", help="Manage webhooks.", no_args_is_help=True)

WebhookId = Annotated[
    str, typer.Argument(metavar="WEBHOOK", help="Id of the webhook, or its beginning.", show_default=False)
]


@webhooks.command()
def create(
    context: typer.Context,
    *,
    url: Annotated[str, typer.Argument(metavar="URL", help="URL to notify.", show_default=False)],
    status: Annotated[
        Optional[list[Status]],
        typer.Option(help="Only these statuses; repeat for several. Default: COMPLETED, FAILED and CANCELLED."),
    ] = None,
    label: Labels = None,
    machine: Machine = False,
) -> None:
    """Create a webhook for the jobs of the workspace."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        statuses = [cast("StatusName", each.value.upper()) for each in status or ()]
        output.webhooks([client.create_webhook(url, statuses=statuses, labels=parse_pairs(label, "--label"))])


@webhooks.command("list")
def list_webhooks(
    context: typer.Context, *, wide: Wide = False, columns: Columns = None, machine: Machine = False
) -> None:
    """List the workspace's webhooks, oldest first."""
    output = output_for(machine, wide=wide, columns=columns)
    with reported_errors(output, context.obj), context.obj.client() as client:
        output.webhooks(client.list_webhooks())


@webhooks.command()
def delete(context: typer.Context, *, webhook_id: WebhookId, machine: Machine = False) -> None:
    """Delete a webhook and its deliveries."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        webhook_id = find_webhook(client, webhook_id)
        client.delete_webhook(webhook_id)
        output.deleted("webhook_id", webhook_id)


@webhooks.command()
def secret(context: typer.Context, *, machine: Machine = False) -> None:
    """Print the secret that verifies signatures. Keep it private."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        for each in client.webhook_secret():
            if machine:
                output.value({"secret": each})
            else:
                print(each)


@webhooks.command()
def deliveries(
    context: typer.Context,
    *,
    webhook_id: Annotated[Optional[str], typer.Option("--webhook", help="Only deliveries to this webhook.")] = None,
    job_id: Annotated[Optional[str], typer.Option("--job", help="Only deliveries of this job.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Maximum number of deliveries.")] = 20,
    wide: Wide = False,
    columns: Columns = None,
    machine: Machine = False,
) -> None:
    """List deliveries and their outcomes, newest first."""
    output = output_for(machine, wide=wide, columns=columns)
    with reported_errors(output, context.obj), context.obj.client() as client:
        found = client.list_webhook_deliveries(
            webhook_id=find_webhook(client, webhook_id) if webhook_id else None,
            job_id=find_job(client, job_id) if job_id else None,
        )
        output.deliveries(delivery for _, delivery in zip(range(limit), found))


@webhooks.command()
def redeliver(
    context: typer.Context,
    *,
    delivery_id: Annotated[
        str,
        typer.Argument(metavar="DELIVERY", help="Id of the delivery, or its beginning.", show_default=False),
    ],
    machine: Machine = False,
) -> None:
    """Send a delivery again."""
    output = output_for(machine)
    with reported_errors(output, context.obj), context.obj.client() as client:
        output.deliveries([client.redeliver_webhook(find_delivery(client, delivery_id))])
