"""Figures of the paper (arXiv 2603.23367) and of the works it compares with, for the reader's eye.

Cited, never computed with. Accuracies in %; lengths in Å, angles in degrees. Columns: ICSD
validation, Materials Project validation, RRUFF test; "" where the paper gives none.
"""

from __future__ import annotations

COLUMNS = ("ICSD", "Materials Project", "RRUFF")

TABLE_1_SYSTEM = {
    "naive: most abundant class of the training data": ("20.13", "20.63", "26.98"),
    "Park et al. (2017)": ("94.99", "", ""),
    "Vecsei et al. (2019), dense": ("73", "", "70"),
    "Vecsei et al. (2019), convolutional": ("85", "", "56"),
    "Lee et al. (2022), FCN": ("92.12", "82.17", ""),
    "Lee et al. (2023), large FCN": ("92.10", "", "74.24"),
    "Salgado et al. (2023), NPCNN": ("", "", "74"),
    "Choudhary (2025), DGPT-formula": ("18.16", "30.10", "28.75"),
    "AlphaDiffract, classification alone": ("90.60 ± 0.38", "76.75 ± 0.60", "76.70"),
    "AlphaDiffract, mean of ten": ("90.52 ± 0.38", "76.47 ± 0.60", "78.62"),
    "AlphaDiffract, ensemble of ten": ("92.22 ± 0.40", "79.00 ± 0.64", "81.74 ± 0.78"),
}
"""Table 1: crystal system, top-1."""

TABLE_2_GROUP = {
    "naive: most abundant class of the training data": ("7.01", "6.36", "3.27"),
    "Park et al. (2017)": ("81.14", "", ""),
    "Vecsei et al. (2019), dense": ("57", "", "54"),
    "Vecsei et al. (2019), convolutional": ("76", "", "42"),
    "Liang et al. (2020)": ("78.77", "", ""),
    "Lee et al. (2022), FCN": ("79.67", "69.01", ""),
    "Lee et al. (2023), large FCN": ("84.85", "", "58.82"),
    "Salgado et al. (2023), NPCNN": ("", "", "66"),
    "Choudhary (2025), DGPT-formula": ("3.99", "10.05", "5.46"),
    "AlphaDiffract, classification alone": ("80.79 ± 0.54", "58.04 ± 0.73", "63.62"),
    "AlphaDiffract, mean of ten": ("79.96 ± 0.55", "57.41 ± 0.73", "64.55"),
    "AlphaDiffract, ensemble of ten": ("81.75 ± 0.59", "59.54 ± 0.79", "66.21 ± 0.71"),
}
"""Table 2: space group, top-1."""

TABLE_3_LATTICE = {
    "ICSD, naive: mean of the training data": ("3.18", "44.89", "0.00", "4.56", "4.48", "0.00"),
    "ICSD, Choudhary (2025)": ("2.85", "34.32", "−0.03", "5.76", "5.82", "−2.07"),
    "ICSD, AlphaDiffract": (
        *("1.59 ± 0.00", "19.77 ± 0.04", "0.64 ± 0.00"),
        *("1.68 ± 0.01", "1.69 ± 0.01", "0.58 ± 0.00"),
    ),
    "MP, naive: mean of the training data": ("2.89", "34.76", "−0.01", "5.22", "5.55", "0.00"),
    "MP, Choudhary (2025)": ("2.69", "28.14", "−0.01", "5.97", "6.25", "−1.54"),
    "MP, AlphaDiffract": (
        *("1.92 ± 0.00", "22.59 ± 0.04", "0.48 ± 0.00"),
        *("3.34 ± 0.01", "3.61 ± 0.01", "0.32 ± 0.00"),
    ),
    "RRUFF, naive: mean of the training data": ("2.86", "31.03", "−0.08", "4.19", "4.49", "−0.07"),
    "RRUFF, Choudhary (2025)": ("2.53", "25.94", "−0.11", "5.32", "5.73", "−2.34"),
    "RRUFF, AlphaDiffract": (
        *("2.11 ± 0.02", "23.50 ± 0.25", "0.39 ± 0.01"),
        *("2.72 ± 0.03", "2.91 ± 0.03", "0.25 ± 0.01"),
    ),
}
"""Table 3: MAE, MAPE, R² of the lengths, then of the angles."""

SUPPLEMENTARY_TABLE_2 = {
    "MAE, ICSD": ("1.14", "1.33", "2.29", "2.02", "0.61", "2.41"),
    "MAE, Materials Project": ("1.22", "1.60", "2.93", "3.66", "1.63", "4.72"),
    "MAE, RRUFF": ("1.37", "1.76", "3.22", "2.95", "2.31", "2.90"),
    "MAPE, ICSD": ("19.52", "18.54", "21.23", "2.03", "0.66", "2.39"),
    "MAPE, Materials Project": ("21.58", "21.92", "24.27", "3.88", "1.83", "5.12"),
    "MAPE, RRUFF": ("22.21", "19.87", "28.42", "3.14", "2.51", "3.06"),
    "R², ICSD": ("0.58", "0.63", "0.71", "0.70", "0.26", "0.78"),
    "R², Materials Project": ("0.49", "0.48", "0.49", "0.38", "0.11", "0.45"),
    "R², RRUFF": ("0.54", "0.39", "0.25", "0.33", "0.26", "0.18"),
}
"""Supplementary Table 2, AlphaDiffract's ensemble: a, b, c, α, β, γ."""

WITHIN_ONE_EDGE = "over 87"
"""§2.4: % of RRUFF predictions within one edge (Figure 3b)."""

CUBIC = {"ICSD": (99.7, 88.1), "Materials Project": (99.3, 76.8), "RRUFF": (82.4, 78.2)}
"""§3: accuracy of system and group on cubic crystals (supplementary Figure 5), %."""

SIMULATED_GAIN = "15 to 17"
"""§3: points of space-group accuracy gained on simulated RRUFF patterns (Figure S6)."""

RRUFF_SUMMARY = {
    "crystal system, top-1": "81.74 %",
    "space group, top-1": "66.21 %",
    "within one subgroup edge": "> 87 %",
    "lattice length MAE": "2.11 Å",
    "lattice length MAPE": "23.5 %",
    "lattice angle MAE": "2.72°",
}
"""Ten members on its RRUFF selection of 734 (240 for the lattice): Tables 1–3, §2.4."""
