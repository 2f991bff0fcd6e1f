"""Reads how something is to be rendered, from the requests that start jobs."""

from render_client.v1 import render_service_pb2 as pb

from render_service.domain.faults import Faults
from render_service.domain.jobs.request import JobOptions, RenderRequest
from render_service.domain.projects.validation import check_output
from render_service.server.interceptors.tracing import current_trace_parent
from render_service.server.mapping.generation import generation_from_proto
from render_service.server.mapping.ids import NO_ID, labels_field, priority_field, provider_field
from render_service.server.mapping.output import output_from_proto, outputs_from_proto
from render_service.server.mapping.speech import speech_from_proto, speech_options_from_proto, speech_provider_field
from render_service.server.services.webhook_input import WebhookTargets


class RenderInput:
    """Reads the fields of StartRenderRequest that do not depend on what is rendered.

    Args:
        webhook_targets: Validates the webhook receivers of jobs.
    """

    def __init__(self, webhook_targets: WebhookTargets) -> None:
        self._webhook_targets = webhook_targets

    def read(self, request: pb.StartRenderRequest, faults: Faults) -> RenderRequest:
        """Return a request without its source, its variables and its request_id."""
        provider = provider_field(request.provider, "provider", faults)
        output = output_from_proto(request.output, "output", faults)
        faults.add_all(check_output(output, "output"))
        outputs = outputs_from_proto(request.outputs, "outputs", faults)
        if outputs and request.HasField("output"):
            faults.add("outputs", "must be omitted where output is given")
        generation = generation_from_proto(request.provider_options, "provider_options", faults)
        speech_provider = speech_provider_field(request.speech_provider, "speech_provider", faults)
        speech = speech_options_from_proto(request.speech_provider_options, "speech_provider_options", faults)
        override = speech_from_proto(request.speech, "speech", faults) if request.HasField("speech") else None
        options = JobOptions(
            labels=labels_field(request.labels, "labels", faults),
            priority=priority_field(request.priority, "priority", faults),
            trace_parent=current_trace_parent(),
            webhook=self._webhook_targets.read(request.webhook, "webhook", faults)
            if request.HasField("webhook")
            else None,
        )
        return RenderRequest(
            workspace_id=request.workspace_id,
            source=NO_ID,
            options=options,
            provider=provider,
            output=output,
            generation=generation,
            speech_provider=speech_provider,
            speech=speech,
            speech_override=override,
            dry_run=request.dry_run,
            outputs=outputs,
        )

    def check_configured(self, request: RenderRequest) -> None:
        """Refuse a request with a webhook where none can be sent.

        Raises:
            DomainError: WEBHOOKS_NOT_CONFIGURED.
        """
        if request.options.webhook is not None:
            self._webhook_targets.check_configured()
