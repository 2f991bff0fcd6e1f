"""Renders the template once for each of three cities, into a folder; settings are those of the `render` command."""

import sys
from pathlib import Path

from render_client import ClientConfig, RenderClient, load_project

CITIES = {
    "Oslo": {"greeting": "Velkommen!", "picture": "06-night"},
    "Lisboa": {"greeting": "Bem-vindos!", "picture": "03-noon"},
    "厦门": {"greeting": "欢迎光临！", "picture": "04-golden"},
}


def main(folder: Path) -> None:
    """Render all cities, and download their videos into a folder."""
    folder.mkdir(exist_ok=True)
    with RenderClient.from_config(ClientConfig.load()) as client:
        template = client.create_project(load_project(Path(__file__).with_name("project.json")))
        jobs = {
            city: client.start(project_id=template.project_id, variables={"city": city, **values})
            for city, values in CITIES.items()
        }
        for city, job in jobs.items():
            client.wait(job.job_id)
            print(client.download(job.job_id, folder / f"{city}.mp4"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
