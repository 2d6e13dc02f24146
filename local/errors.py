"""What can keep the development server from starting. Each is printed for the developer without a traceback."""


class StartupError(Exception):
    """The server cannot start; the message says why and what to do."""

    exit_code = 1


class PortInUseError(StartupError):
    """Another process listens on the wanted port."""


class RefusedError(StartupError):
    """The template or a parameter asks for something that this server does not do. It fails closed."""

    exit_code = 2

    def __init__(self, where: str, why: str) -> None:
        """`where` names the parameter, or resource and property; `why` completes the sentence."""
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why
