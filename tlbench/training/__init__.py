"""Gradient training: batches, schedules, the Lightning module, prediction."""
