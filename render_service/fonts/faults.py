"""Why a font file is refused."""


class FontRefused(Exception):
    """A font file cannot be accepted.

    Args:
        fault: What is wrong and what to do, in words that complete "content: ".
    """

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault
