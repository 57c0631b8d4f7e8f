"""X7: what DNS says of the domain that mails come from (SPF, DKIM, DMARC, MX), in words."""
