"""The generated Dockerfile and .dockerignore, the project's own, and STATIC_ROOT in the image."""

DOCKERFILE = "Dockerfile"
IGNORE_FILE = ".dockerignore"
# The project's root in the image.
APP = "/app"
