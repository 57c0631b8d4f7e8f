"""What recipients do with a mail: tokens, hits, removal, and the statistics kept of them."""
