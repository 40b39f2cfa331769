r"""Rate-distortion, rate-reward, channel capacity and information bottleneck, each with a certificate.

The first three are convex problems over one law on a simplex. Blahut-Arimoto's multiplicative step always descends but
slows to a crawl where outputs vanish, at small slopes and where several laws are optimal; Newton's step on the few
outputs that matter takes over. Neither decides when to stop: the duality gap does. The bottleneck is not convex; its
points say by which bound, if any, they are known to be near the optimum.
"""

from infocore.rate._bottleneck import BottleneckPoint as BottleneckPoint
from infocore.rate._bottleneck import information_bottleneck as information_bottleneck
from infocore.rate._bottleneck import information_bottleneck_curve as information_bottleneck_curve
from infocore.rate._bottleneck_bounds import critical_beta as critical_beta
from infocore.rate._capacity import channel_capacity as channel_capacity
from infocore.rate._curve import rate_distortion_curve as rate_distortion_curve
from infocore.rate._curve import rate_for_distortion as rate_for_distortion
from infocore.rate._distortion import blahut_arimoto as blahut_arimoto
from infocore.rate._distortion import rate_distortion as rate_distortion
from infocore.rate._distortion import tilted_channel as tilted_channel
from infocore.rate._points import CapacityPoint as CapacityPoint
from infocore.rate._points import RateCurve as RateCurve
from infocore.rate._points import RatePoint as RatePoint

__all__ = [
    "BottleneckPoint",
    "CapacityPoint",
    "RateCurve",
    "RatePoint",
    "blahut_arimoto",
    "channel_capacity",
    "critical_beta",
    "information_bottleneck",
    "information_bottleneck_curve",
    "rate_distortion",
    "rate_distortion_curve",
    "rate_for_distortion",
    "tilted_channel",
]
