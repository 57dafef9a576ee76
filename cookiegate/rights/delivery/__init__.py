"""Deliveries: mails, webhooks and streams that reach people and systems, and are never lost."""
