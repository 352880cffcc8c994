"""The rules of Waybill: files, webhooks, events, and the platform that they use."""
