"""What bare RQ carries out; it imports nothing of ours."""


def job(number: int) -> int:
    return number
