"""References to a brand kit: `brand:primary` in place of a color, `brand:heading` in place of a font."""

BRAND = "brand:"
COLOR_ROLES = ("primary", "secondary", "accent", "background", "text")
FONT_ROLES = ("heading", "body", "caption")


def role_of(text: str, roles: tuple[str, ...]) -> str | None:
    """Return the role that a reference names; None for any other text, and for roles that do not exist."""
    role = text.removeprefix(BRAND)
    return role if role != text and role in roles else None


def color_fault(text: str, example: str) -> str:
    """Return what is wrong with a text that is no color, in words that complete "… <field>: "; see `is_color_name`."""
    if text.startswith(BRAND):
        return f"must be one of {', '.join(BRAND + role for role in COLOR_ROLES)}"
    return f"must be a color such as {example}"


def is_color_name(text: str) -> bool:
    """Return whether a text refers to a color of a brand kit."""
    return role_of(text, COLOR_ROLES) is not None
