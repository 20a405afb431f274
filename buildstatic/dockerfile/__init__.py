"""The generated Dockerfile and .dockerignore, and the choice of the project's own."""

DOCKERFILE = "Dockerfile"
IGNORE_FILE = ".dockerignore"
# The project's root in the image.
APP = "/app"
