"""Diagnosis: findings that say where the rules hurt, with their evidence."""
