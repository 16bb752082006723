# ruff: noqa: INP001 - Sphinx reads it by its path
"""The documentation as a site: `make docs`. Nothing on it is loaded from elsewhere."""

import hashlib
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.util import logging

project = "Taqnyat mail gateway"
author = "The Taqnyat mail gateway's contributors"
project_copyright = "MIT licence"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["pictures"]
html_theme = "furo"
html_title = project
html_favicon = "../local/console/static/icon.svg"
html_show_sphinx = False
html_extra_path = ["openapi.yaml", "events.schema.json"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0f6b5c", "color-brand-content": "#0f6b5c"},
    "dark_css_variables": {"color-brand-primary": "#5cc4ae", "color-brand-content": "#5cc4ae"},
}
myst_enable_extensions = ["attrs_inline"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 4

DIAGRAMS = Path(__file__).parent / "pictures" / "diagrams"


class Mermaid(Directive):
    """A Mermaid block, shown by the picture that `make pictures` has drawn of it."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the picture, or the text with a warning where there is none."""
        text = "\n".join(self.content)
        name = hashlib.sha256(text.strip().encode()).hexdigest()[:12]
        if not (DIAGRAMS / f"{name}.svg").exists():
            logging.getLogger(__name__).warning("a diagram is not drawn: run `make pictures`")
            return [nodes.literal_block(text, text)]
        return [nodes.image(uri=f"/pictures/diagrams/{name}.svg", alt="Diagram", align="center")]


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("mermaid", Mermaid)
