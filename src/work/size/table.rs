//! Placeholder until the fit is written.

pub(super) const SIZE: [[(f64, f64, f64); 5]; 12] = [[(-0.0744, -0.1442, -0.2015); 5]; 12];
