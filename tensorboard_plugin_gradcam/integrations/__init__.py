"""Callbacks and handlers for the frameworks that people train with: import the module of yours."""
