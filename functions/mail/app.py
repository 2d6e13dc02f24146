"""Carries out the orders of mails that pages make: finds the recipient, makes the link, sends."""

from authserver.aws.bootstrap import bootstrap
from authserver.aws.mail_orders import delivery
from authserver.endpoints.orders.mail import write_letter
from authserver.messages.mail import MailOrder, NoLetter
from authserver.pages.mails import render_mail

services = bootstrap(sends_mail=True, grants=False)


@delivery
def lambda_handler(order: MailOrder) -> str:
    if services.mailer is None:
        return "mail_off"
    letter = write_letter(order, services.at(order.issuer, ""))
    if isinstance(letter, NoLetter):
        return letter.reason
    services.mailer.send(render_mail(letter))
    return "sent"
