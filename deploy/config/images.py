"""Every image that a release has, and how each is built."""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.config.services import SERVICES

# Whose images Compose and the chart take without OVATION_IMAGES: those built on this machine. A
# name without a host would be one of Docker Hub's, where any stranger may have registered it.
LOCAL_IMAGES = "localhost/ovation"


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its packages are the argument PACKAGES of the file, `target` a stage of it."""

    file: str
    packages: str = "services"
    target: str = ""


IMAGES: Mapping[str, Image] = {
    **{
        name: Image("deploy/Dockerfile", packages=service.packages)
        for name, service in SERVICES.items()
    },
    "tools": Image("deploy/Dockerfile", packages="tools", target="tools"),
    "gateway": Image("deploy/gateway/Dockerfile"),
}


def release_matrix() -> str:
    """Return the lines of the workflow that builds each image once."""
    return "".join(
        f"          - {{image: {name}, packages: {image.packages}, file: {image.file},"
        f' target: "{image.target}"}}\n'
        for name, image in IMAGES.items()
    )
