"""Why a file of a Salesforce org cannot be imported."""


class UnreadableFile(ValueError):
    """The file is malformed, or is not what it should be. The message is for people."""


class NotCarried(ValueError):
    """A part of a rule has no equivalent in a plan. The message says why."""
