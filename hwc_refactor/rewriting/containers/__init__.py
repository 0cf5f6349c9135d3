"""A container's flags, image and attributes, edited and put into the words of the shared module."""
