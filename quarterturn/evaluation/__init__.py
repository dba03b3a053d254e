"""Which of several encoders knows these images best? Measured without labels."""

from quarterturn.evaluation.encoders import EncoderSource, open_encoder
from quarterturn.evaluation.report import EncoderScore, EncoderScores
from quarterturn.evaluation.run import score_encoders

__all__ = ["EncoderScore", "EncoderScores", "EncoderSource", "open_encoder", "score_encoders"]
