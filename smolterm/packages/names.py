"""Which package a module is in, where the two names differ and no lock file says so."""

from __future__ import annotations

import sys

PACKAGES = {
    "attr": "attrs", "bs4": "beautifulsoup4", "Bio": "biopython", "Crypto": "pycryptodome",
    "cv2": "opencv-python", "dateutil": "python-dateutil", "docx": "python-docx",
    "dotenv": "python-dotenv", "fitz": "pymupdf", "git": "gitpython", "google": "protobuf",
    "jose": "python-jose", "jwt": "pyjwt", "levenshtein": "levenshtein", "magic": "python-magic",
    "markdown_it": "markdown-it-py", "mpl_toolkits": "matplotlib", "OpenSSL": "pyopenssl",
    "PIL": "pillow", "pkg_resources": "setuptools", "pptx": "python-pptx", "pylab": "matplotlib",
    "pywt": "pywavelets", "serial": "pyserial", "skimage": "scikit-image",
    "sklearn": "scikit-learn", "slugify": "python-slugify", "usaddress": "usaddress",
    "usb": "pyusb", "xlsxwriter": "xlsxwriter", "yaml": "pyyaml", "zmq": "pyzmq",
}  # fmt: skip

MOST_NAME = 100


def may_be_asked_for(module: str) -> bool:
    """Whether a name from inside is one that an import can have and the host may act upon."""
    return module.isascii() and module.isidentifier() and len(module) <= MOST_NAME


def is_standard(module: str) -> bool:
    """Whether it is part of Python itself, which no package brings."""
    return module in sys.stdlib_module_names


def package_of(module: str) -> str:
    return PACKAGES.get(module, module.strip("_").replace("_", "-").lower() or module)
