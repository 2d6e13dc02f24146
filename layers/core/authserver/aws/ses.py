"""Sends mails by Amazon SES."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from authserver.aws.boto import Config
from authserver.errors import TemporarilyUnavailable
from authserver.messages.mail import Mail

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import ContentTypeDef

# No caller waits for it. One attempt only: an attempt whose answer is lost may have sent the mail, and Lambda retries.
CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, parameter_validation=False)


class SesMailer:
    """Implements `services.Mailer`. Addresses and subject are members of their own: nothing in them is a header."""

    def __init__(self, client: "SESV2Client", sender: str) -> None:
        self._client = client
        self._sender = sender

    def send(self, mail: Mail) -> None:
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [mail.to]},
                Content={
                    "Simple": {
                        "Subject": _text(mail.subject),
                        "Body": {"Text": _text(mail.text), "Html": _text(mail.html)},
                    }
                },
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "error")
            # What SES says names the address.
            raise TemporarilyUnavailable("The mail was not taken", reason=f"ses_{code}") from None
        except BotoCoreError:
            raise TemporarilyUnavailable("The mail was not taken", reason="ses_unreachable") from None


def _text(text: str) -> "ContentTypeDef":
    return {"Data": text, "Charset": "UTF-8"}
