"""Letters of other alphabets, and letters without a base letter, as Latin ones."""

_LETTER_PAIRS = """
ß=ss æ=ae œ=oe ø=o ł=l đ=d ð=d þ=th ı=i ħ=h а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=i к=k л=l м=m н=n о=o
п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh щ=shch ъ= ы=y ь= э=e ю=iu я=ia і=i ї=i є=ie ґ=g ў=u ђ=dj ј=j
љ=lj њ=nj ћ=c џ=dz α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f
χ=ch ψ=ps ω=o
"""
LETTERS = str.maketrans(dict(pair.split("=") for pair in _LETTER_PAIRS.split()))
"""For `str.translate`, after `casefold`: Cyrillic, Greek, and letters without a base letter."""
