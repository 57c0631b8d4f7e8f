"""Images pasted into the HTML (``data:``) become inline parts: what mail readers show."""

import base64
import binascii
import hashlib
import re
from urllib.parse import unquote_to_bytes

from ctm.mailing.compose import dom
from ctm.mailing.compose.content import Attachment

_DATA = re.compile(r"\s*data:image/(png|gif|jpe?g|webp)(?:;[^,;]*)*;base64,(.+)", re.I | re.S)


def take_images(tree: dom.Tree) -> tuple[Attachment, ...]:
    """Take the pasted images out of a tree; equal ones become one part."""
    found: dict[str, Attachment] = {}
    for element in dom.elements(tree, "img"):
        match = _DATA.fullmatch(element.getAttribute("src"))
        if match is None:
            continue
        try:
            data = base64.b64decode(unquote_to_bytes(match[2]))
        except binascii.Error:
            continue
        kind = match[1].lower().replace("jpg", "jpeg")
        cid = hashlib.sha256(data).hexdigest()[:24]
        if cid not in found:
            name = f"image-{len(found) + 1}.{kind}"
            found[cid] = Attachment(name, f"image/{kind}", data, cid)
        element.setAttribute("src", f"cid:{cid}")
    return tuple(found.values())
