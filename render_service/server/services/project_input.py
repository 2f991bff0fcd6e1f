"""Reads projects from requests, fills in their variables, and validates them."""

from collections.abc import Mapping
from functools import lru_cache

from render_client.v1 import project_pb2

from render_service.domain.brand.kit import BrandKit, apply_kit
from render_service.domain.brand.rules import check_kit
from render_service.domain.faults import Faults
from render_service.domain.projects.project import Project
from render_service.domain.projects.template import fill_in
from render_service.domain.projects.validation import check_project
from render_service.fetch.policy import FetchPolicy, check_open_uri, check_uri
from render_service.server.interceptors.requests import mark_large, off_loop
from render_service.server.mapping.project import project_from_proto

_KEPT_URIS = 512


class ProjectParser:
    """Reads and validates projects.

    Args:
        policy: Which URLs a project may name.
        any_voice: Whether a remote speech provider is configured, whose voices StartRender checks.
    """

    def __init__(self, policy: FetchPolicy, *, any_voice: bool = False) -> None:
        self._policy = policy
        self._any_voice = any_voice
        # The shots of a project, and the rows of a batch, often name the same files; parsing URLs takes half the time.
        self._uri_fault = lru_cache(_KEPT_URIS)(lambda uri: check_uri(uri, policy))

    async def parse(self, message: project_pb2.Project, faults: Faults) -> Project:
        """Return the project of a request that stores it, adding every fault that no value of its variables can fix.

        Args:
            message: The field `project` of the request.
            faults: Collects the faults.
        """

        def read() -> Project:
            project = project_from_proto(message, "project", faults)
            self._check_template(project, faults, for_render=False)
            return project

        return await off_loop(read)

    async def parse_template(self, message: project_pb2.Project, faults: Faults) -> Project:
        """Return a project that is to be rendered with several sets of variables, adding what none of them can fix.

        Args:
            message: The field `project` of the request.
            faults: Collects the faults.
        """

        def read() -> Project:
            project = project_from_proto(message, "project", faults)
            self._check_template(project, faults, for_render=True)
            return project

        return await off_loop(read)

    async def parse_for_render(
        self, message: project_pb2.Project, variables: Mapping[str, str], faults: Faults
    ) -> Project:
        """Return the project of a request that renders it, with its variables filled in.

        Args:
            message: The field `project` of the request.
            variables: The field `variables` of the request.
            faults: Collects the faults of the filled project and of the variables.
        """
        if variables:
            # Their values can make a project many times longer.
            mark_large()
        return await off_loop(lambda: self.fill_in(project_from_proto(message, "project", faults), variables, faults))

    def fill_in(self, project: Project, variables: Mapping[str, str], faults: Faults) -> Project:
        """Do as `parse_for_render` with a stored project."""
        filling = fill_in(project, variables, "project", "variables")
        faults.add_all(filling.faults)
        if filling.project is None:
            self._check_template(project, faults, for_render=True)
            return project
        self._check(filling.project, faults)
        return filling.project

    def apply_kit(self, project: Project, kit: BrandKit, faults: Faults) -> Project:
        """Return a filled project with what its brand kit gives it, adding the faults of both together.

        What is wrong with the kit itself, which obeyed the rules when it was stored, is a fault of `project.brand_kit`.
        """
        own = Faults()
        check_kit(kit, kit.name, self._uri_fault, own)
        for fault in own:
            faults.add("project.brand_kit", f"must name a kit without faults; {fault.field} {fault.description}")
        if own:
            return project
        whole = apply_kit(project, kit, "project", faults)
        self._check(whole, faults)
        return whole

    def check_kit(self, kit: BrandKit, faults: Faults) -> None:
        """Add everything that is wrong with a brand kit, the field `brand_kit` of a request."""
        check_kit(kit, "brand_kit", self._uri_fault, faults)

    def _check(self, project: Project, faults: Faults) -> None:
        faults.add_all(
            check_project(
                project,
                "project",
                self._uri_fault,
                for_render=True,
                any_voice=self._any_voice,
            )
        )

    def _check_template(self, project: Project, faults: Faults, *, for_render: bool) -> None:
        found = check_project(
            project,
            "project",
            self._uri_fault,
            for_render=for_render,
            open_uri_fault=lambda pieces: check_open_uri(pieces, self._policy),
            any_voice=self._any_voice,
        )
        faults.add_all(found)
