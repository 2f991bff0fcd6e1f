"""Transitions that move, bend or scale the pictures."""
