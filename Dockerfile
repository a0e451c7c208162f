FROM python:3.12-slim

RUN useradd --system --uid 10001 --no-create-home lead-assignment
WORKDIR /srv/lead-assignment

COPY pyproject.toml setup.py constraints.txt ./
COPY lead_assignment ./lead_assignment
COPY app ./app
COPY migrations ./migrations
RUN pip install --no-cache-dir -c constraints.txt .

# The default is the strict mode: no `dev-key`, no movable clock.
ENV LEAD_ASSIGNMENT_ENV=production PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000

# Migrations are a command of their own, run before this one: `lead-assignment migrate`.
CMD ["lead-assignment", "serve", "--host", "0.0.0.0"]
