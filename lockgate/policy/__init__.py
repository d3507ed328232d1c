"""Who may talk to whom, and what they may say: identities, selections and their resolution."""
