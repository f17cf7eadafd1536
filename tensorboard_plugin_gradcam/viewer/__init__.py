"""The TensorBoard plugin: reads Grad-CAM records through TensorBoard's data provider and serves them to the tab."""
