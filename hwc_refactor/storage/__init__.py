"""Files of the user's tree and of the tool itself, replaced safely. Nothing here knows what is written."""
